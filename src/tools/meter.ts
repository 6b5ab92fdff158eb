/** Messages a server may send within one second; a tool that streams its output a word at a time stays far below. */
const maxPerSecond = 10_000
const windowMs = 1_000

/** Notices a server that floods us. @param now milliseconds by a steady clock */
export function floodMeter(now = performance.now.bind(performance)): () => boolean {
  let since = now()
  let count = 0
  return () => {
    const time = now()
    if (time - since >= windowMs) {
      since = time
      count = 0
    }
    return ++count > maxPerSecond
  }
}
