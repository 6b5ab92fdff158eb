interface Pasted {
  readonly variable: string
  /** Whether the input is a file or another program. */
  readonly isFromStdin: boolean
}

/** What a terminal sends for Enter and Ctrl-D, for Backspace, and for Ctrl-C. */
const [enters, backspaces, leave] = [['\r', '\n', '\u0004'], ['\b', '\u007f'], '\u0003']

/**
 * Reads a credential from the input. It is never an argument, because a shell keeps those. On a terminal it is not shown.
 * @throws Error if there is none
 */
export async function readPasted({ variable, isFromStdin }: Pasted): Promise<string> {
  const { stdin } = process
  const value = stdin.isTTY && !isFromStdin ? await readHidden(variable) : await Bun.stdin.text()
  const text = value.trim()
  if (text === '')
    throw new Error(`No credential was given. Paste it, or use: tributary accounts add ${variable} --from-stdin < FILE`)
  return text
}

async function readHidden(variable: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(`Paste the text for ${variable} and press Enter (it is not shown): `)
  stdin.setRawMode(true)
  let typed = ''
  try {
    for await (const bytes of stdin) {
      for (const char of String(bytes)) {
        if (char === leave) throw new Error('Nothing was added.')
        if (enters.includes(char)) return typed
        typed = backspaces.includes(char) ? typed.slice(0, -1) : typed + char
      }
    }
    return typed
  } finally {
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}
