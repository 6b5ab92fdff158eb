import { isLong, jsonPieces } from '../chat/json-pieces.ts'
import { nextTurn } from '../flow/next-turn.ts'

export interface WriteJsonOptions {
  /** Lets other work run. Called after each piece with the number of its bytes. */
  readonly pause?: (bytesWritten: number) => Promise<void>
}

/** Writes what `JSON.stringify` writes, in steps if it is long: `JSON.stringify` takes 200 ms for 32 megabytes. */
export function writeJson(value: unknown, options: WriteJsonOptions = {}): string | Promise<readonly Uint8Array[]> {
  return isLong(value) ? writeInSteps(value, options) : JSON.stringify(value)
}

async function writeInSteps(value: unknown, { pause = nextTurn }: WriteJsonOptions): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = []
  const encoder = new TextEncoder()
  await nextTurn()
  for (const text of jsonPieces(value)) {
    const bytes = encoder.encode(text)
    pieces.push(bytes)
    await pause(bytes.byteLength)
  }
  return pieces
}
