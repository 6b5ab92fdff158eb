/** A piece of a message or of an answer, in no dialect's form. */
export type Piece =
  | { readonly text: string }
  | { readonly thought: string; readonly signature?: string }
  | { readonly call: string; readonly name: string; readonly input: object }
  /** A PNG picture in base64. */
  | { readonly picture: string }
  /** A PDF file in base64. */
  | { readonly pdf: string }

/** What a tool gave back. */
export interface ToolResult {
  readonly call: string
  readonly pieces: readonly Piece[]
  readonly failed?: true
}

export type Turn =
  | { readonly by: 'system' | 'user' | 'model'; readonly pieces: readonly Piece[] }
  | { readonly by: 'tools'; readonly results: readonly ToolResult[] }

/** A conversation, and what the client wants. */
export interface Talk {
  readonly turns: readonly Turn[]
  /** The names of the tools. */
  readonly tools?: readonly string[]
  /** Whether the model may call only one tool at a time. */
  readonly isSingle?: boolean
}

/** Why an answer ended. `unknown` stands for a word that no dialect documents. */
export type End = 'stop' | 'calls' | 'length' | 'filter' | 'unknown'

export interface Reply {
  readonly pieces: readonly Piece[]
  readonly end: End
}

export const user = (...pieces: readonly (Piece | string)[]): Turn => ({ by: 'user', pieces: pieces.map(pieceOf) })
export const model = (...pieces: readonly (Piece | string)[]): Turn => ({ by: 'model', pieces: pieces.map(pieceOf) })
export const results = (...given: readonly ToolResult[]): Turn => ({ by: 'tools', results: given })

function pieceOf(piece: Piece | string): Piece {
  return typeof piece === 'string' ? { text: piece } : piece
}

export const call = (id: string, name = 'weather', input: object = { city: 'Paris' }) => ({ call: id, name, input })

/** Joins neighbouring texts and neighbouring thoughts, which a stream may cut anywhere. */
export function joined(pieces: readonly Piece[]): readonly Piece[] {
  const whole: Piece[] = []
  for (const piece of pieces) {
    const last = whole.at(-1)
    if (last && 'text' in last && 'text' in piece) whole.splice(-1, 1, { text: last.text + piece.text })
    else whole.push(piece)
  }
  return whole
}

export const textOf = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => ('text' in piece ? piece.text : '')).join('')
