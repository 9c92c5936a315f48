# Hold the placement against ROUTENAS_FAIL_IF. For POST_DETAIL_PLACE_TCL, or any hook behind placement; in config.mk:
#   export POST_DETAIL_PLACE_TCL := $(shell routenas hooks orfs)/gate.tcl
source [file join [exec {*}[expr {[info exists ::env(ROUTENAS)] ? $::env(ROUTENAS) : "routenas"}] hooks orfs] common.tcl]
routenas::score gate
