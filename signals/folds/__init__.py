"""Walk-forward folds: their rows, and the training and prediction of one fold."""
