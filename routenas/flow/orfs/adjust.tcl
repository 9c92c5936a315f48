# Keep the global router's wires out of hot regions. For PRE_GLOBAL_ROUTE_TCL, until 2025 PRE_GLOBAL_ROUTE; in config.mk:
#   export PRE_GLOBAL_ROUTE_TCL := $(shell routenas hooks orfs)/adjust.tcl
source [file join [exec {*}[expr {[info exists ::env(ROUTENAS)] ? $::env(ROUTENAS) : "routenas"}] hooks orfs] common.tcl]
routenas::apply openroad-adjustments [routenas::score route]
