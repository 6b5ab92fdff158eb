/** Lets other work run. It resolves after all work that is waiting now has run. */
export function nextTurn(): Promise<void> {
  return new Promise(onNextTurn)
}

/** Calls `run` after all work that is waiting now has run. */
export function onNextTurn(run: () => void): void {
  setImmediate(run)
}
