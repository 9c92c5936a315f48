# What the hooks of routenas for OpenROAD-flow-scripts share. Each sources this file; none is for config.mk by itself.
#
# Variables of the environment, such as config.mk exports:
#   ROUTENAS             the command [routenas]
#   ROUTENAS_MODEL       bundles, at most one a task [pretrained/hotspots]
#   ROUTENAS_SCORE_ARGS  more options of 'routenas score', such as --routing-layers metal2-metal10
#   ROUTENAS_FAIL_IF     a condition that a placement must not meet, such as "hotspot_area_fraction > 2%" [none]
#   ROUTENAS_GATE        what happens where it does: stop (the flow ends) or report (it goes on) [stop]
#   ROUTENAS_LEGALISER   for pad.tcl: diamond-only, diamond or negotiation, see 'routenas export --help' [diamond]

namespace eval routenas {
  proc setting {name default} {
    if {[info exists ::env($name)] && $::env($name) ne ""} { return $::env($name) }
    return $default
  }

  # Run the command, which writes to this process's streams; the exit code.
  proc run {args} {
    if {![catch {exec {*}[setting ROUTENAS routenas] {*}$args >@stdout 2>@stderr} text options]} { return 0 }
    lassign [dict get $options -errorcode] kind process code
    if {$kind eq "CHILDSTATUS"} { return $code }
    error "routenas: $text"
  }

  # Score the placement as it is now, and hold it against the gate. Files are RESULTS_DIR/routenas_STAGE.*; returned are
  # their name up to the suffix and the options that name the layout.
  proc score {stage} {
    set gate [setting ROUTENAS_FAIL_IF ""]
    set then [setting ROUTENAS_GATE stop]
    if {$then ni {stop report}} { error "ROUTENAS_GATE is $then, expected stop or report" }
    set base [file join $::env(RESULTS_DIR) routenas_$stage]
    set lefs [list {*}$::env(TECH_LEF) {*}$::env(SC_LEF) {*}[setting ADDITIONAL_LEFS ""]]
    write_def $base.def
    set layout [list --lef {*}$lefs --def $base.def]
    set more [expr {$gate eq "" ? "" : [list --fail-if $gate]}]
    set code [run score {*}$layout --model {*}[setting ROUTENAS_MODEL pretrained/hotspots] --json $base.json \
      {*}$more {*}[setting ROUTENAS_SCORE_ARGS ""]]
    if {$code == 10} {
      set told "routenas: the placement is past the gate ROUTENAS_FAIL_IF ($gate), see $base.json"
      if {$then eq "stop"} { error $told }
      puts "$told; the flow goes on"
    } elseif {$code != 0} {
      error "routenas: the placement cannot be scored (exit code $code), see the line above"
    }
    return [list $base $layout]
  }

  # Write what a kind of export makes of the score, and do it.
  proc apply {kind scored args} {
    lassign $scored base layout
    set code [run export $kind $base.json {*}$layout {*}$args -o $base.tcl]
    if {$code != 0} { error "routenas: nothing to apply (exit code $code), see the line above" }
    uplevel #0 [list source $base.tcl]
  }
}
