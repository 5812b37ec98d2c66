"""The arrays that more than one part of the package speaks of."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
