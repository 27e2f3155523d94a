/** Looking again and again, but only while somebody is watching. */

/**
 * Run `look(signal)` now and `seconds` after each end. It rests while the page is hidden, and waits longer after errors,
 * which `told(error)` hears (null after a success).
 * @param {(signal: AbortSignal) => Promise<unknown>} look
 * @param {number | (() => number)} seconds
 * @param {(error: any) => void} told
 */
export function live(look, seconds, told = () => {}) {
  let timer = 0;
  let failures = 0;
  let stopped = false;
  let running = null;

  async function round() {
    clearTimeout(timer);
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const error = await look(mine.signal).then(() => null, (fault) => fault);
    if (running !== mine || stopped) return;
    running = null;
    failures = error ? failures + 1 : 0;
    told(error);
    if (!document.hidden) timer = setTimeout(round, pause());
  }

  const pause = () => 1000 * Math.min(60, (typeof seconds === "function" ? seconds() : seconds) * 2 ** failures);
  const turned = () => (document.hidden ? clearTimeout(timer) : round());

  document.addEventListener("visibilitychange", turned);
  round();
  return {
    now: round,
    stop() {
      stopped = true;
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener("visibilitychange", turned);
    },
  };
}
