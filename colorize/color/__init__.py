"""Color arithmetic: Lab, the ab bins, enlarging ab, joining it with L."""
