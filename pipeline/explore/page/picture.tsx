/**
 * Pictures, and what stands in their place.
 *
 * @module
 */

import { useEffect, useState } from "preact/hooks";
import { failureOf, pictureAddress } from "./api.ts";

/**
 * An image's picture; if it cannot be shown, the reason.
 *
 * @param props The image's `key` and which of its pictures; `alt` is what it is called; what to do when it is there.
 */
export function Picture({ kind, image, alt, onPicture }: {
  readonly kind: "image" | "thumbnail";
  readonly image: string;
  readonly alt: string;
  onPicture?(picture: HTMLImageElement): void;
}) {
  const address = pictureAddress(kind, image);
  const [failure, setFailure] = useState<{ readonly address: string; readonly reason: string } | null>(null);
  const [failed, setFailed] = useState<string | null>(null);

  useEffect(() => {
    if (failed === null) return;
    let shown = true;
    failureOf(failed).then((reason) => shown && setFailure({ address: failed, reason }));
    return () => {
      shown = false;
    };
  }, [failed]);

  if (failed === address) {
    return (
      <div class="placeholder">
        <span class="placeholder-title">No picture</span>
        <span class="placeholder-reason">{failure?.address === address ? failure.reason : ""}</span>
      </div>
    );
  }
  return (
    <img
      class="picture"
      key={address}
      src={address}
      alt={alt}
      loading={kind === "thumbnail" ? "lazy" : "eager"}
      decoding="async"
      draggable={false}
      onLoad={onPicture && ((event) => onPicture(event.currentTarget))}
      onError={() => setFailed(address)}
    />
  );
}
