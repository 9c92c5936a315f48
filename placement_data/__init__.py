"""A placement becomes tensors and labels: readers, rasteriser, channels, labels, the HDF5 store and the splits."""
