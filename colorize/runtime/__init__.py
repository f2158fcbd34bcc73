"""Run a network: backend (torch or ONNX Runtime), device, precision, batching and memory."""
