/**
 * Noise: of heat (Gaussian), of few photons (shot), and of broken pixels (impulse).
 *
 * @module
 */

import type { RandomNumbers } from "../../formats/base/random.ts";
import { mapSamples } from "./picture.ts";
import type { Corruption } from "./corruption.ts";

/** Each sample plus a normal number. */
export const gaussianNoise: Corruption = (picture, severity, random) => {
  const deviation = [0.08, 0.12, 0.18, 0.26, 0.38][severity - 1] * 255;
  return mapSamples(picture, (value) => value + deviation * random.normal());
};

/** Each sample as so many photons as arrive of the number that it stands for. */
export const shotNoise: Corruption = (picture, severity, random) => {
  const photons = [60, 25, 12, 5, 3][severity - 1];
  const draws = Array.from({ length: 256 }, (_, value) => poisson(value / 255 * photons));
  return mapSamples(picture, (value) => draws[value](random) / photons * 255);
};

/** Samples that are black or white. */
export const impulseNoise: Corruption = (picture, severity, random) => {
  const share = [0.03, 0.06, 0.09, 0.17, 0.27][severity - 1];
  return mapSamples(picture, (value) => {
    const place = random.uniform(0, 1);
    return place >= share ? value : place < share / 2 ? 0 : 255;
  });
};

/** Draws of the Poisson distribution, from a table of it. */
function poisson(mean: number): (random: RandomNumbers) => number {
  const most = Math.ceil(mean + 12 * Math.sqrt(mean) + 12);
  const below: number[] = [];
  let [probability, sum] = [Math.exp(-mean), 0];
  for (let count = 0; count <= most; count++) {
    sum += probability;
    below.push(sum);
    probability *= mean / (count + 1);
  }
  return (random) => {
    const place = random.uniform(0, 1);
    let [low, high] = [0, most];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (below[middle] > place) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
