/**
 * The view that the page's address says, and changing it.
 *
 * @module
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { addressOf, type View, viewOf } from "./address.ts";

/** A step that can be gone back from, or a change of the place where one is; a function is given where that is. */
export type Navigate = (change: Partial<View> | ((view: View) => Partial<View>), how: "push" | "replace") => void;

/** Milliseconds after the last of many changes until the address follows; browsers refuse more than some a second. */
const QUIET = 300;

/**
 * The view, which follows the address as it follows the view.
 *
 * @returns The view, and what changes it.
 */
export function useAddress(): readonly [View, Navigate] {
  const [view, setView] = useState(() => viewOf(location.hash));
  const current = useRef(view);
  const pending = useRef<ReturnType<typeof setTimeout> | null>(null);

  const flush = useCallback(() => {
    if (pending.current === null) return;
    clearTimeout(pending.current);
    pending.current = null;
    history.replaceState(null, "", addressOf(current.current));
  }, []);

  const navigate = useCallback<Navigate>((change, how) => {
    if (how === "push") flush();
    const now = current.current;
    current.current = { ...now, ...(typeof change === "function" ? change(now) : change) };
    setView(current.current);
    if (how === "push") {
      history.pushState(null, "", addressOf(current.current));
    } else {
      clearTimeout(pending.current ?? undefined);
      pending.current = setTimeout(flush, QUIET);
    }
  }, []);

  useEffect(() => {
    const follow = () => {
      clearTimeout(pending.current ?? undefined);
      pending.current = null;
      current.current = viewOf(location.hash);
      setView(current.current);
    };
    addEventListener("popstate", follow);
    addEventListener("pagehide", flush);
    return () => {
      removeEventListener("popstate", follow);
      removeEventListener("pagehide", flush);
    };
  }, []);

  return [view, navigate];
}
