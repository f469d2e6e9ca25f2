"""A rig: boards on a bench, and what each of them must be able to do with a release."""
