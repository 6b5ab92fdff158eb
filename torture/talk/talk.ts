/** Parsed JSON of somebody else. A wrong shape throws where it is read, and the check that reads it fails. */
export type Json = ReturnType<typeof JSON.parse>

/** A piece of a message or of an answer, in no dialect's form. `deltas` is how many deltas of a stream it comes in. */
export type Piece =
  | { readonly text: string; readonly deltas?: number }
  | { readonly thought: string; readonly signature?: string; readonly deltas?: number }
  /** `json` are the arguments, exactly as the model wrote them. */
  | { readonly call: string; readonly name: string; readonly json: string; readonly deltas?: number }
  /** A PNG picture in base64. */
  | { readonly picture: string }

/** What a tool gave back. */
export interface ToolResult {
  readonly call: string
  readonly pieces: readonly Piece[]
  readonly isFailed?: true
}

export type Turn =
  | { readonly by: 'system' | 'user' | 'model'; readonly pieces: readonly Piece[] }
  | { readonly by: 'tools'; readonly results: readonly ToolResult[] }

export interface Tool {
  readonly name: string
  readonly description?: string
  readonly schema: object
}

/** A conversation, and what the client wants. What is absent is not sent. */
export interface Talk {
  readonly turns: readonly Turn[]
  readonly tools?: readonly Tool[]
  /** `{ name }` asks for one tool. */
  readonly choice?: 'auto' | 'none' | 'required' | { readonly name: string }
  /** Only one call at a time. */
  readonly isSingle?: boolean
  readonly maxTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly stop?: readonly string[]
}

/** Why an answer ended. `unknown` stands for another word. */
export type End = 'stop' | 'calls' | 'length' | 'filter' | 'unknown'

export interface Usage {
  /** All tokens of the request, those from a cache included. */
  readonly input: number
  readonly output: number
  readonly cached?: number
  readonly reasoning?: number
}

/** An answer that the upstream gives. */
export interface Answer {
  readonly pieces: readonly Piece[]
  readonly end: End
  readonly usage?: Usage
}

export const user = (...pieces: readonly (Piece | string)[]): Turn => ({ by: 'user', pieces: pieces.map(pieceOf) })
export const system = (text: string): Turn => ({ by: 'system', pieces: [{ text }] })
export const model = (...pieces: readonly (Piece | string)[]): Turn => ({ by: 'model', pieces: pieces.map(pieceOf) })
export const results = (...given: readonly ToolResult[]): Turn => ({ by: 'tools', results: given })

function pieceOf(piece: Piece | string): Piece {
  return typeof piece === 'string' ? { text: piece } : piece
}

export const call = (id: string, name = 'weather', json = '{"city":"Paris"}') => ({ call: id, name, json })

export const weather: Tool = {
  name: 'weather',
  description: 'Says how the weather is.',
  schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

export const textOf = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => ('text' in piece ? piece.text : '')).join('')
export const thoughtOf = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => ('thought' in piece ? piece.thought : '')).join('')
export const callsOf = (pieces: readonly Piece[]) => pieces.flatMap((piece) => ('call' in piece ? [piece] : []))

/** Splits a text into so many deltas, never within a character. */
export function deltasOf(text: string, count = 2): readonly string[] {
  if (count === 1) return [text]
  // a text without surrogates has no characters of two units
  const characters = /[\uD800-\uDFFF]/.test(text) ? [...text] : text
  const size = Math.max(1, Math.ceil(characters.length / count))
  const deltas: string[] = []
  for (let at = 0; at < characters.length; at += size) {
    const part = characters.slice(at, at + size)
    deltas.push(typeof part === 'string' ? part : part.join(''))
  }
  return deltas
}
