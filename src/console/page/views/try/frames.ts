import { batch } from '@preact/signals'

const waiting = new Map<object, () => void>()
let frame: number | undefined

/**
 * Draws something in the next frame, and only once in it. Another drawing of the same owner replaces one that still waits. In a
 * hidden tab there are no frames, so it waits until the tab is shown, or until `drawNow`.
 */
export function drawSoon(owner: object, draw: () => void): void {
  waiting.set(owner, draw)
  if (frame === undefined) frame = requestAnimationFrame(drawAll)
}

/** Draws something at once, and drops what still waits. */
export function drawNow(owner: object, draw: () => void): void {
  waiting.delete(owner)
  draw()
}

function drawAll(): void {
  frame = undefined
  const drawings = [...waiting.values()]
  waiting.clear()
  batch(() => {
    for (const draw of drawings) draw()
  })
}
