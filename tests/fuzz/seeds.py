"""Valid files that the mutations start from: small, and with as much of each format's grammar as there is room for."""

from __future__ import annotations

RICH_LEF = """VERSION 5.8 ;
BUSBITCHARS "[]" ;
DIVIDERCHAR "/" ;
UNITS
  DATABASE MICRONS 2000 ;
  TIME NANOSECONDS 1 ;
END UNITS
MANUFACTURINGGRID 0.005 ;
PROPERTYDEFINITIONS
  LAYER LEF58_TYPE STRING ;
  MACRO note STRING "a ; b" ;
END PROPERTYDEFINITIONS
LAYER poly
  TYPE MASTERSLICE ;
  PROPERTY LEF58_TYPE "TYPE POLYROUTING ;" ;
END poly
LAYER m1
  TYPE ROUTING ;
  DIRECTION HORIZONTAL ;
  PITCH 0.2 ;
  OFFSET 0.1 0.05 ;
  WIDTH 0.1 ;
  SPACING 0.09 RANGE 0.3 0.9 ;
  SPACING 0.1 ;
  SPACINGTABLE
    PARALLELRUNLENGTH 0.0 0.5
    WIDTH 0.0 0.1 0.1
    WIDTH 0.2 0.1 0.2 ;
  RESISTANCE RPERSQ 0.38 ;
END m1
LAYER v1
  TYPE CUT ;
  WIDTH 0.07 ;
  SPACING 0.08 ;
END v1
LAYER m2
  TYPE ROUTING ;
  DIRECTION VERTICAL ;
  PITCH 0.2 0.4 ;
  WIDTH 0.1 ;
END m2
LAYER OVERLAP
  TYPE OVERLAP ;
END OVERLAP
VIA via1_0 DEFAULT
  LAYER m1 ;
    RECT -0.07 -0.05 0.07 0.05 ;
  LAYER v1 ;
    RECT -0.035 -0.035 0.035 0.035 ;
  LAYER m2 ;
    POLYGON -0.05 -0.07 0.05 -0.07 0.05 0.07 -0.05 0.07 ;
END via1_0
VIARULE gen1 GENERATE
  LAYER m1 ;
    ENCLOSURE 0.035 0 ;
  LAYER m2 ;
    ENCLOSURE 0.035 0 ;
  LAYER v1 ;
    RECT -0.035 -0.035 0.035 0.035 ;
    SPACING 0.15 BY 0.15 ;
END gen1
NONDEFAULTRULE wide
  LAYER m1
    WIDTH 0.2 ;
    SPACING 0.2 ;
  END m1
  VIA via1_w
    LAYER m1 ;
      RECT -0.1 -0.1 0.1 0.1 ;
  END via1_w
END wide
SITE unit
  CLASS CORE ;
  SYMMETRY Y ;
  SIZE 0.5 BY 1.0 ;
END unit
SITE double
  CLASS CORE ;
  SIZE 0.5 BY 2.0 ;
  ROWPATTERN unit N unit FS ;
END double
MACRO CELL
  CLASS CORE ;
  FOREIGN CELL 0 0 N ;
  ORIGIN 0.5 0.25 ;
  EEQ CELL ;
  SIZE 2.0 BY 1.0 ;
  SYMMETRY X Y R90 ;
  SITE unit ;
  PIN A
    DIRECTION INPUT ;
    USE SIGNAL ;
    ANTENNAGATEAREA 0.05 ;
    PORT
      LAYER m1 SPACING 0.1 ;
        RECT MASK 1 -0.4 -0.15 0.0 0.0 ;
        RECT ITERATE -0.1 -0.1 0.1 0.05 DO 2 BY 3 STEP 0.3 0.2 ;
    END
  END A
  PIN Y
    DIRECTION OUTPUT TRISTATE ;
    PORT
      CLASS CORE ;
      LAYER m2 ;
        WIDTH 0.1 ;
        PATH 1.2 0.45 1.4 0.45 1.4 0.65 ;
        VIA 1.2 0.45 via1_0 ;
    END
  END Y
  PIN VDD
    DIRECTION INOUT ;
    USE POWER ;
    SHAPE ABUTMENT ;
    PORT
      LAYER m1 ;
        POLYGON 0 0.6 1 0.6 1 0.7 0.5 0.7 0.5 0.75 0 0.75 ;
    END
  END VDD
  OBS
    LAYER m1 ;
      RECT 0.5 0.0 0.75 0.5 ;
    LAYER OVERLAP ;
      POLYGON ( 0 0 ) ( 1 0 ) ( 1 0.4 ) ( 0.3 0.4 ) ( 0.3 0.6 ) ( 0 0.6 ) ;
  END
  DENSITY
    LAYER m1 ;
      RECT 0 0 1 1 45.5 ;
  END
END CELL
MACRO BLOCK
  CLASS BLOCK BLACKBOX ;
  SIZE 4 BY 3 ;
  PIN D[0]
    DIRECTION INOUT ;
    USE CLOCK ;
    PORT
      LAYER m2 ;
        POLYGON 1 1 2 1 2 1.5 1.5 1.5 1.5 2.5 1 2.5 ;
    END
    PORT
      LAYER m3 ;
        RECT 3 0.5 3.5 1 ;
    END
  END D[0]
END BLOCK
BEGINEXT "tool"
  CREATOR "x" ;
ENDEXT
END LIBRARY
"""

RICH_DEF = """VERSION 5.8 ;
DIVIDERCHAR "/" ;
BUSBITCHARS "[]" ;
DESIGN rich ;
TECHNOLOGY tech ;
UNITS DISTANCE MICRONS 1000 ;
HISTORY a ; # a comment
PROPERTYDEFINITIONS
  COMPONENT note STRING ;
  DESIGN count INTEGER 3 ;
END PROPERTYDEFINITIONS
DIEAREA ( -100 0 ) ( -100 10000 ) ( 12000 10000 ) ( 12000 6000 ) ( 20000 6000 ) ( 20000 0 ) ;
ROW r0 unit 0 0 N DO 40 BY 1 STEP 500 0 ;
ROW r1 unit 0 1000 FS DO 40 BY 1 STEP 500 0 + PROPERTY note "x" ;
TRACKS X 100 DO 100 STEP 200 MASK 1 LAYER m1 m2 ;
TRACKS Y 100 DO 50 STEP 200 LAYER m1 ;
GCELLGRID Y 0 DO 6 STEP 2000 ;
GCELLGRID X 0 DO 11 STEP 2000 ;
VIAS 2 ;
- v1_gen + VIARULE gen1 + CUTSIZE 70 70 + LAYERS m1 v1 m2 + CUTSPACING 80 80 + ENCLOSURE 35 0 0 35 + ROWCOL 2 3 ;
- v1_fix + RECT m1 ( -50 -50 ) ( 50 50 ) + RECT v1 ( -35 -35 ) ( 35 35 )
  + POLYGON m2 ( -50 -50 ) ( 50 -50 ) ( 50 50 ) ( -50 50 ) ;
END VIAS
NONDEFAULTRULES 1 ;
- wide2 + HARDSPACING + LAYER m1 WIDTH 200 SPACING 250 + LAYER m2 WIDTH 300 + VIA v1_fix ;
END NONDEFAULTRULES
REGIONS 2 ;
- fence ( 0 0 ) ( 5000 5000 ) ( 5000 0 ) ( 7000 2000 ) + TYPE FENCE + PROPERTY note "r" ;
- guide ( 6000 6000 ) ( 8000 8000 ) + TYPE GUIDE ;
END REGIONS
COMPONENTS 6 ;
- u1 CELL + PLACED ( 1000 2000 ) N ;
- u2 CELL + SOURCE TIMING + FIXED ( 5000 2000 ) S + HALO SOFT 10 20 30 40 + WEIGHT 7 + REGION fence ;
- u3 BLOCK + COVER ( 8000 4000 ) W + HALO 100 100 100 100 + ROUTEHALO 50 m1 m2 + PROPERTY note "- b ; c" ;
- u4 CELL + PLACED ( 3000 0 ) FE + EEQMASTER CELL + MASKSHIFT 101 + SOURCE DIST ;
- a/b\\[3\\].c CELL + PLACED ( 2500 7000 ) FN ;
- u6 CELL + UNPLACED ;
END COMPONENTS
PINS 3 ;
- in + NET n1 + SPECIAL + DIRECTION INPUT + USE SIGNAL + NETEXPR "p VDD"
  + LAYER m2 SPACING 5 ( -100 0 ) ( 100 300 )
  + PLACED ( 4000 0 ) N ;
- out + NET n2 + DIRECTION OUTPUT
  + PORT + LAYER m2 MASK 1 ( -100 0 ) ( 100 300 ) + VIA v1_fix ( 0 0 ) + PLACED ( 4000 9000 ) FS
  + PORT + POLYGON m1 ( 0 0 ) ( 0 50 ) ( 60 50 ) + FIXED ( 100 100 ) W ;
- nowhere + NET n3 + DIRECTION INOUT + USE CLOCK ;
END PINS
PINPROPERTIES 1 ;
- u1 A + PROPERTY x 1 ;
END PINPROPERTIES
BLOCKAGES 4 ;
- LAYER m1 + SPACING 10 + COMPONENT u3 RECT ( 500 500 ) ( 100 100 ) RECT ( 1 1 ) ( 2 2 ) ;
- LAYER m2 + FILLS + PUSHDOWN RECT ( 0 0 ) ( 10 10 ) ;
- PLACEMENT + SOFT RECT ( 0 0 ) ( 10 10 ) POLYGON ( 0 0 ) ( 0 50 ) ( 30 50 ) ( 30 20 ) ( 40 20 ) ( 40 0 ) ;
- PLACEMENT + PARTIAL 40.0 RECT ( 0 0 ) ( 10 10 ) ;
END BLOCKAGES
SLOTS 1 ;
- LAYER m1 RECT ( 0 0 ) ( 10 10 ) ;
END SLOTS
FILLS 1 ;
- LAYER m1 + OPC RECT ( 0 0 ) ( 10 10 ) ;
END FILLS
SPECIALNETS 2 ;
- VDD ( * VDD ) ( PIN nowhere ) + USE POWER
  + ROUTED m1 200 + SHAPE STRIPE ( 0 0 ) ( 1000 * ) v1_gen
    NEW m2 300 + SHAPE RING + STYLE 1 ( 0 0 50 ) ( * 900 50 ) v1_fix N DO 2 BY 3 STEP 500 600
  + FIXED m1 100 ( 5 5 ) ( 5 905 )
  + RECT m1 ( 0 0 ) ( 40 40 ) + POLYGON m2 ( 0 0 ) ( 0 50 ) ( 30 50 ) ( 30 0 ) + VIA v1_fix FS ( 7 7 ) ;
- VSS + USE GROUND + ROUTED m2 0 ( 3000 3000 ) via1_0 + SOURCE DIST + WEIGHT 3 ;
END SPECIALNETS
NETS 5 ;
- n1 ( PIN in ) ( u1 A )
  ( u2 A ) + USE SIGNAL + NONDEFAULTRULE wide2 ;
- n2 ( u1 Y ) ( PIN out ) ( u4 A + SYNTHESIZED ) ( u3 D[0] )
  + ROUTED m1 ( 0 0 ) ( * 100 ) v1_fix NEW m2 TAPER ( 0 0 ) MASK 1 ( 5 * ) RECT ( -5 -5 5 5 ) + USE CLOCK ;
- n3 ( PIN nowhere ) + SOURCE TEST + WEIGHT 3 + VPIN v LAYER m1 ( 0 0 ) ( 1 1 ) PLACED ( 0 0 ) N ;
- MUSTJOIN ( u2 A ) ( u2 Y ) ;
- bus[3] ( a/b\\[3\\].c Y ) ( u2 Y ) + SHIELDNET VSS + PATTERN STEINER + PROPERTY note "n" ;
END NETS
SCANCHAINS 1 ;
- c + START PIN in + FLOATING u1 ( IN A ) ( OUT Y ) + STOP PIN out ;
END SCANCHAINS
GROUPS 2 ;
- g u1 u2 a/* + REGION fence + PROPERTY note "g" ;
- h u3 ;
END GROUPS
BEGINEXT "tool"
  - COMPONENTS 7 ; NETS
ENDEXT
END DESIGN
"""

INNOVUS = """###############################################################
#  Generated by:      Cadence Innovus 20.10-p004_1
#  Design:            top
#  Command:           verify_drc -report drc.rpt -limit 100000
###############################################################
SHORT: ( Metal Short ) Special Wire of Net VSS & Blockage of Cell BuPAD_VDD_T_2  ( AP )
Bounds : ( 1368.100, 1832.000 ) ( 1374.100, 1844.000 )

EndOfLine: ( EndOfLine Spacing ) Regular Wire of Net n1 & Pin of Cell u2  ( M3 )
Bounds : ( 39.580, 44.100 ) ( 39.650, 44.135 )

  Total Violations : 2 Viols.
"""

LYRDB = """<?xml version="1.0" encoding="utf-8"?>
<report-database>
 <description>Design rules</description>
 <generator>drc: script</generator>
 <top-cell>top</top-cell>
 <tags/>
 <categories>
  <category><name>M1</name><description>Space</description>
   <categories><category><name>a</name><description/></category></categories>
  </category>
 </categories>
 <cells>
  <cell><name>top</name><variant/><references/></cell>
  <cell><name>sub</name><variant/>
   <references><ref><parent>top</parent><trans>r90 *1 10,20</trans></ref></references></cell>
 </cells>
 <items>
  <item><tags/><category>'M1'.'a'</category><cell>top</cell><visited>false</visited><multiplicity>1</multiplicity>
   <values><value>polygon: (0,0;0,1;1,1;1,0)</value><value>text: 'On layer M1'</value></values></item>
  <item><tags/><category>M1</category><cell>sub</cell><visited>false</visited><multiplicity>1</multiplicity>
   <values><value>edge-pair: (0,0;1,0)/(0,1;1,1)</value><value>box: (0,0;2,2.5)</value><value>edge: (0,0;3,3)</value>
   </values></item>
 </items>
</report-database>
"""

CALIBRE = """topcell 1000
metal_1_spacing
2 2 2 Jan 7 10:29:32 2009
Rule File Pathname: /rules
Metal spacing check
p 1 4
CN cellA c 1 0 0 1 5000 0
NET n1
0 0
100 0
100 50
0 50
e 2 2
0 50000 0 20000
10 50000 10 20000
empty_check
0 0 1 Jan 7 10:29:32 2009
Nothing found
"""

MAGIC = """RAM8
----------------------------------------
P-diff distance to N-tap must be < 15.0um (LU.3)
----------------------------------------
 17.990um 21.995um 18.265um 22.995um
 17.990um 21.995um 18.265um 23.995um
----------------------------------------
Metal1 spacing < 0.14um (met1.2)
----------------------------------------
 1 2 3 4
----------------------------------------
[INFO]: COUNT: 3
[INFO]: Should be divided by 3 or 4
"""

IEDA = """{"drc": {"number": 2, "distribution": {
  "Metal Short": {"number": 1, "layers": {"MET2": {"number": 1, "list": [
    {"llx": 10, "lly": 20, "urx": 30, "ury": 40, "net": ["n1", "n2"], "inst": [], "required_size": 0}]}}},
  "Minimum Area": {"number": 1, "layers": {"MET1": {"number": 1, "list": [
    {"llx": -10, "lly": 20, "urx": 3000, "ury": 4000, "net": ["n3"], "inst": ["u1"], "required_size": 20}]}}}
}}}
"""

CSV_REPORT = """# exported
kind,layer,x0,y0,x1,y1,nets
Short,metal2,39.58,44.1,39.65,44.135,n1;n2
"Metal, Spacing",metal3,1,2,3,4,
MinArea,metal1,-1.5e1,2,3,4,"a b"
"""

SPLIT = '{"train": ["f0", "f1"], "search": ["f2"], "test": ["f3", "f4"]}\n'
