"""Training data: decoding, storage, augmentation, batches."""
