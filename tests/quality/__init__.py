"""What the files of the repository must keep to."""
