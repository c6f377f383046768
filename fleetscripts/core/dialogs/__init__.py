"""A dialog's rows, and who may answer it how."""
