const waiting = new Map<object, () => void>()
let frame: number | undefined

/**
 * Draws something in one of the next frames. A frame draws one thing, so that six answers at once make no long ones. Another drawing of the same owner replaces one that still waits. In a
 * hidden tab there are no frames, so it waits until the tab is shown, or until `drawNow`.
 */
export function drawSoon(owner: object, draw: () => void): void {
  waiting.set(owner, draw)
  if (frame === undefined) frame = requestAnimationFrame(drawFirst)
}

/** Draws something at once, and drops what still waits. */
export function drawNow(owner: object, draw: () => void): void {
  waiting.delete(owner)
  draw()
}

/** Draws what has waited longest. */
function drawFirst(): void {
  frame = undefined
  const [first] = waiting
  if (!first) return
  const [owner, draw] = first
  drawNow(owner, draw)
  if (waiting.size > 0) frame = requestAnimationFrame(drawFirst)
}
