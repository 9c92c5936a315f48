# A stand-in for OpenROAD: commands of a release that check their options and files, and reports as that release has
# them. Called as: tclsh openroad.tcl RELEASE SCRIPT. Each call is a line of calls.txt.
lassign $argv release script
namespace eval ::sta {}
set ::known(global_route) {-guide_file 1 -congestion_iterations 1 -congestion_report_file 1 -allow_congestion 0 -verbose 0}
set ::known(detailed_route) {-output_drc 1 -output_maze 1 -droute_end_iter 1 -or_seed 1 -or_k 1 -verbose 1}
if {$release <= 2022} {
  lappend ::known(detailed_route) -guide 1 -bottom_routing_layer 1 -top_routing_layer 1
}
if {$release == 2024} {
  lappend ::known(detailed_route) -bottom_routing_layer 1 -top_routing_layer 1 -drc_report_iter_step 1
}
if {$release >= 2026} {
  lappend ::known(detailed_route) -drc_report_iter_step 1
}
foreach command {global_route detailed_route} {
  set text {}
  foreach {option value} $::known($command) {append text "    \[$option[expr {$value ? " value" : ""}]\]\n"}
  set ::sta::cmd_args($command) $text
}

proc options {command words} {
  set out [open calls.txt a]
  puts $out [concat $command $words]
  close $out
  array set known $::known($command)
  set found {}
  while {[llength $words]} {
    set words [lassign $words option]
    if {![info exists known($option)]} {error "$option is not a known keyword or flag"}
    set value 1
    if {$known($option)} {
      if {![llength $words]} {error "$option missing value"}
      set words [lassign $words value]
    }
    dict set found $option $value
  }
  return $found
}
proc need {path} {if {![file readable $path]} {error "no file $path"}}
proc put {path text} {set out [open $path w]; puts -nonewline $out $text; close $out}
proc read_lef {path} {need $path; set ::lef $path}
proc read_def {path} {
  need $path
  if {![info exists ::lef]} {error "no technology has been read"}
  set in [open $path]
  set ::def [read $in]
  close $in
}
proc set_thread_count {count} {if {![string is integer -strict $count]} {error "count"}}
proc set_routing_layers {option layers} {
  if {$option ne "-signal" || ![regexp {^(metal\d)-(metal\d)$} $layers -> ::low ::high]} {error "layers $layers"}
}
proc global_route {args} {
  if {![info exists ::low]} {error "routing layers first"}
  put [dict get [options global_route $args] -guide_file] "n\n(\n0 0 1 1 metal1\n)\n"
  set ::guides 1
}
# Nets fail in the order of the file; fewer with each iteration, others with another seed.
proc report {path left} {
  global release
  set text {}
  set nets [lmap {whole net} [regexp -all -inline -line {^- (\S+) \( (?:PIN|u)} $::def] {set net}]
  foreach net [lrange $nets 0 [expr {$left - 1}]] {
    if {$release <= 2022} {
      append text "  violation type: Short\n    srcs: net:$net\n    bbox = ( 1.5, 2.5 ) - ( 1.7, 2.75 ) on Layer metal1\n"
    } else {
      append text "violation type: Short\n\tsrcs: net:$net inst:u1\n\tcomment: none\n\tbbox = (1.5, 2.5) - (1.7, 2.75) on Layer metal1\n"
    }
  }
  put $path $text
}
proc detailed_route {args} {
  set options [options detailed_route $args]
  if {![info exists ::guides]} {error "no guides"}
  if {$::release <= 2022} {need [dict get $options -guide]}
  if {[dict exists $options -bottom_routing_layer] && [dict get $options -bottom_routing_layer] ne $::low} {error "low"}
  set last [dict get $options -droute_end_iter]
  set file [dict get $options -output_drc]
  if {[dict exists $options -drc_report_iter_step]} {
    for {set i 1} {$i <= $last} {incr i} {report $file-$i.rpt [expr {3 - $i}]}
  }
  report $file [expr {3 - $last}]
}
proc write_def {path} {
  put $path [regsub -line {^- n .*$} $::def "- n ( PIN p ) + ROUTED metal1 ( 0 0 ) ( 2500 * ) up NEW metal2 ( 2500 0 ) ( * 1000 )"]
}
source $script
