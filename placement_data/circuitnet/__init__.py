"""CircuitNet (https://circuitnet.github.io): its maps become a data set of routenas, and the other way round."""

from __future__ import annotations

from placement_data.circuitnet.exporting import export_circuitnet
from placement_data.circuitnet.importing import CircuitNet, read_circuitnet
from placement_data.circuitnet.names import read_designs

__all__ = ["CircuitNet", "export_circuitnet", "read_circuitnet", "read_designs"]
