"""What runs a network: torch or ONNX Runtime, on which processor, in which numbers."""
