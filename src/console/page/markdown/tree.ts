/**
 * What an answer may look like: a tree of plain data, which has no place for HTML, pictures or other addresses than those of
 * links. Only this is drawn (docs/decisions/0097-markdown-of-answers.md).
 */
export type Block =
  | { readonly kind: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly content: readonly Inline[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | { readonly kind: 'list'; readonly start: number | undefined; readonly items: readonly ListEntry[] }
  | {
      readonly kind: 'table'
      readonly align: readonly Align[]
      readonly header: readonly Cell[]
      readonly rows: readonly (readonly Cell[])[]
    }
  | { readonly kind: 'rule' }
  /** Text that is shown as it was written: HTML, or what is nested too deep. */
  | { readonly kind: 'verbatim'; readonly text: string }

/** An item of a list. */
export interface ListEntry {
  /** Whether the task is done; undefined if the item is no task. */
  readonly isDone: boolean | undefined
  readonly blocks: readonly Block[]
}

type Align = 'left' | 'center' | 'right' | undefined
type Cell = readonly Inline[]

export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'strong' | 'emphasis' | 'deleted'; readonly content: readonly Inline[] }
  | { readonly kind: 'code'; readonly content: readonly Inline[] }
  | { readonly kind: 'break' }
  | { readonly kind: 'link'; readonly target: Target; readonly content: readonly Inline[] }
  /** A picture, which is never loaded: its description, and its address if it may be a link. */
  | { readonly kind: 'picture'; readonly target: Target | undefined; readonly description: string }
  /** A character that would change the order of the text around it, by its name: `U+202E`. */
  | { readonly kind: 'control'; readonly name: string }

/** Where a link leads. */
export interface Target {
  /** It begins with `http://`, `https://` or `mailto:`. */
  readonly href: string
  /** The host (or the mail address), if the text of the link does not already say it. */
  readonly host: string | undefined
}
