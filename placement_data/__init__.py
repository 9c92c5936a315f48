"""A placement becomes tensors and labels: readers, rasteriser, channels, labels, the HDF5 store and the splits."""

DEFAULT_CHANNELS = "routability"
"""Name of the channel set where none is given; see ``placement_data.features.sets``."""
