"""What runs in the sandbox: virtual boards, a host for each, and what they are put through.

A program of its own (`python -m host.verification.inside CASE`); it prints a line of JSON for each
thing it has to say. Nothing in here knows the host that asked.
"""
