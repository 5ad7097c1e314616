"""What the server does with records and plans: commit with folds, progress, apply."""
