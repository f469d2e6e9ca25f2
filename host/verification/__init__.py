"""What can be said of a release before a board runs it."""
