"""What is measured, each beside its ceiling in the same run."""
