# Pad the cells of hot regions. Only for PRE_DETAIL_PLACE_TCL: a database does not keep padding; in config.mk:
#   export PRE_DETAIL_PLACE_TCL := $(shell routenas hooks orfs)/pad.tcl
source [file join [exec {*}[expr {[info exists ::env(ROUTENAS)] ? $::env(ROUTENAS) : "routenas"}] hooks orfs] common.tcl]
routenas::apply openroad-padding [routenas::score place] --legaliser [routenas::setting ROUTENAS_LEGALISER diamond]
