/** What a client needs to know of the gateway. */
export interface GatewayAddress {
  /** Without a slash at its end. */
  readonly url: string
  /** The gateway's name of the model. */
  readonly model: string
  /** The key, if it shall stand in the settings. Otherwise they name the variable `TRIBUTARY_KEY`. */
  readonly key?: string | undefined
  /** The aliases of the gateway that Claude Code would list: names with `claude` or `anthropic`. */
  readonly claudeAliases: readonly string[]
}

/** A program that can use the gateway. */
export interface Client {
  /** As `tributary connect` takes it. */
  readonly name: string
  /** As its makers write it. */
  readonly title: string
  /** What it speaks: Chat Completions, Responses or Messages. */
  readonly dialect: 'chat' | 'responses' | 'messages'
  /** Its settings, ready to be pasted, in the order in which they are needed. */
  settings(address: GatewayAddress): readonly Settings[]
}

/** A text to be pasted, or fields to be filled in. */
export type Settings =
  | { readonly kind: 'text'; readonly into: PasteTarget; readonly text: string }
  /** `path` is the way through the program's menus, in its own words. */
  | {
      readonly kind: 'form'
      readonly path: string
      readonly fields: readonly (readonly [label: string, value: string])[]
    }

/** Where a text belongs. A file is below the home folder if its path begins with `~`. */
export type PasteTarget = 'terminal' | 'program' | { readonly file: string }

/** The variable from which clients take the key, so that it stands in no file. */
export const keyVariable = 'TRIBUTARY_KEY'
