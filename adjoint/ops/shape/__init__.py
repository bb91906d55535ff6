"""Movement: the same elements under another shape or order, or joined."""
