"""Reference implementations in PyTorch; each module has its twin in `helpers.keras`."""
