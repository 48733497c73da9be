"""Statistics of photographs that PyPI's imagecorruptions 1.1.2 corrupted, to compare ours with.

    pip install "numpy<1.25" "scikit-image==0.20.0" "scipy<1.12" "opencv-python-headless<4.9" "pillow<11" "setuptools<80" imagecorruptions==1.1.2
    python tests/pipeline/corrupt/statistics.py > tests/pipeline/corrupt/statistics.tsv

Of each corruption and severity, over as many random draws as DRAWS says, else 10, of the middle 112 x 112 pixels of a
photograph (32 x 32 as SIDES says), in levels of 255: mean, standard deviation, mean absolute difference to the photograph, mean absolute difference
of neighbours in a row, in a column.
"""

import numpy as np
from PIL import Image
from imagecorruptions import corrupt, corruptions, get_corruption_names

# scikit-image has renamed what it calls.
blur = corruptions.gaussian
corruptions.gaussian = lambda image, *rest, multichannel=False, **named: blur(
    image, *rest, channel_axis=-1 if multichannel else None, **named
)

DRAWS = {"frost": 3000, "fog": 3000, "snow": 40, "motion_blur": 40}
# Clouds and frost differ most from draw to draw, so that many small pictures are needed.
SIDES = {"frost": 32, "fog": 32}
np.random.seed(0)
photograph = np.asarray(Image.open("assets/photos/single/chelsea.jpg").convert("RGB"))

print("corruption", "severity", "mean", "deviation", "difference", "row", "column", sep="\t")
for name in get_corruption_names("common"):
    side = SIDES.get(name, 112)
    top, left = ((length - side) // 2 for length in photograph.shape[:2])
    image = photograph[top : top + side, left : left + side]
    for severity in range(1, 6):
        found = []
        for _ in range(DRAWS.get(name, 10)):
            corrupted = corrupt(image.copy(), corruption_name=name, severity=severity).astype(float)
            found.append([
                corrupted.mean(),
                corrupted.std(),
                abs(corrupted - image).mean(),
                abs(np.diff(corrupted, axis=1)).mean(),
                abs(np.diff(corrupted, axis=0)).mean(),
            ])
        print(name, severity, *(f"{value:.2f}" for value in np.mean(found, axis=0)), sep="\t", flush=True)
