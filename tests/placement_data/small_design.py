"""A small library and layout whose every number is worked out by hand, and a way to write such texts to files."""

from __future__ import annotations

from pathlib import Path

SMALL_LEF = """VERSION 5.8 ;
BUSBITCHARS "[]" ;
UNITS
  DATABASE MICRONS 1000 ;
END UNITS
LAYER m1
  TYPE ROUTING ;
  DIRECTION HORIZONTAL ;
  PITCH 0.2 ;
  WIDTH 0.1 ;
END m1
LAYER v1
  TYPE CUT ;
END v1
LAYER m2
  TYPE ROUTING ;
  DIRECTION VERTICAL ;
  PITCH 0.2 0.4 ;
  WIDTH 0.1 ;
END m2
SITE unit
  CLASS CORE ;
  SIZE 0.5 BY 1.0 ;
END unit
MACRO CELL
  CLASS CORE ;
  ORIGIN 0.5 0.25 ;
  SIZE 2.0 BY 1.0 ;
  SYMMETRY X Y ;
  SITE unit ;
  PIN A
    DIRECTION INPUT ;
    USE SIGNAL ;
    PORT
      LAYER m1 ;
        RECT -0.4 -0.15 0.0 0.0 ;
        RECT -0.1 -0.1 0.1 0.05 ;
    END
  END A
  PIN Y
    DIRECTION OUTPUT ;
    PORT
      LAYER m2 ;
        RECT 1.2 0.45 1.4 0.65 ;
    END
  END Y
  OBS
    LAYER m1 ;
      RECT 0.5 0.0 0.75 0.5 ;
  END
END CELL
MACRO BLOCK
  CLASS BLOCK ;
  SIZE 4 BY 3 ;
  PIN D
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
  END D
END BLOCK
END LIBRARY
"""

SMALL_DEF = """VERSION 5.8 ;
DIVIDERCHAR "/" ;
BUSBITCHARS "[]" ;
DESIGN small ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA ( 0 0 ) ( 20000 10000 ) ;
ROW r0 unit 0 0 N DO 40 BY 1 STEP 500 0 ;
TRACKS X 100 DO 100 STEP 200 LAYER m1 m2 ;
GCELLGRID Y 0 DO 6 STEP 2000 ;
COMPONENTS 4 ;
- u1 CELL + PLACED ( 1000 2000 ) N ;
- u2 CELL + SOURCE TIMING + FIXED ( 5000 2000 ) S ;
- u3 BLOCK + COVER ( 8000 4000 ) W ;
- u4 CELL + UNPLACED ;
END COMPONENTS
PINS 2 ;
- in + NET n1 + DIRECTION INPUT + USE SIGNAL
  + LAYER m2 ( -100 0 ) ( 100 300 )
  + PLACED ( 4000 0 ) N ;
- out + NET n2 + DIRECTION OUTPUT ;
END PINS
BLOCKAGES 2 ;
- LAYER m1 + SPACING 10 RECT ( 500 500 ) ( 100 100 ) ;
- PLACEMENT + SOFT + PARTIAL 40.0 RECT ( 0 0 ) ( 10 10 ) POLYGON ( 0 0 ) ( 0 50 ) ( 30 50 ) ( 30 0 ) ;
END BLOCKAGES
SPECIALNETS 1 ;
- VDD ( * VDD ) + USE POWER + ROUTED m1 200 + SHAPE STRIPE ( 0 0 ) ( 100 * ) ;
END SPECIALNETS
NETS 3 ;
- n1 ( PIN in ) ( u1 A )
  ( u2 A ) + USE SIGNAL ;
- n2 ( u1 Y ) ( PIN out ) ( u4 A ) ( u3 D ) + ROUTED m1 ( 0 0 ) ( * 100 ) v1 NEW m2 ( 0 0 ) ( 5 * ) + USE CLOCK ;
- n3 ;
END NETS
END DESIGN
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    """Write a file into ``folder``."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
