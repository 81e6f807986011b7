# Home Assistant from 2026.9 on serves probatio under this name; for the type checker
# the two must be one, or a schema of ours is none of Home Assistant's.
from probatio import *
