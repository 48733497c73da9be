"""Statistics of photographs that PyPI's imagecorruptions 1.1.2 corrupted, to compare ours with.

    pip install "numpy<1.25" "scikit-image==0.20.0" "scipy<1.12" "opencv-python-headless<4.9" "pillow<11" "setuptools<80" imagecorruptions==1.1.2
    python tests/pipeline/corrupt/statistics.py > tests/pipeline/corrupt/statistics.tsv

Of each corruption and severity, over DRAWS random draws of the middle 112 x 112 pixels of a photograph, in levels of 255: mean,
standard deviation, mean absolute difference to the photograph, mean absolute difference of neighbours in a row, in a column.
"""

import sys
import numpy as np
from PIL import Image
from imagecorruptions import corrupt, corruptions, get_corruption_names

# scikit-image has renamed what it calls.
blur = corruptions.gaussian
corruptions.gaussian = lambda image, *rest, multichannel=False, **named: blur(
    image, *rest, channel_axis=-1 if multichannel else None, **named
)

DRAWS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
SIDE = 112
np.random.seed(0)
photograph = np.asarray(Image.open("assets/photos/single/chelsea.jpg").convert("RGB"))
top, left = ((length - SIDE) // 2 for length in photograph.shape[:2])
image = photograph[top : top + SIDE, left : left + SIDE]

print("corruption", "severity", "mean", "deviation", "difference", "row", "column", sep="\t")
for name in get_corruption_names("common"):
    for severity in range(1, 6):
        found = []
        for _ in range(DRAWS):
            corrupted = corrupt(image.copy(), corruption_name=name, severity=severity).astype(float)
            found.append([
                corrupted.mean(),
                corrupted.std(),
                abs(corrupted - image).mean(),
                abs(np.diff(corrupted, axis=1)).mean(),
                abs(np.diff(corrupted, axis=0)).mean(),
            ])
        print(name, severity, *(f"{value:.2f}" for value in np.mean(found, axis=0)), sep="\t", flush=True)
