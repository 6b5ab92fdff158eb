import { ask } from './api.ts'

/** Saves an answer of the gateway as a file. A link cannot do it, because the key goes in a header. @throws ApiError */
export async function download(path: string, name: string): Promise<void> {
  const url = URL.createObjectURL(await (await ask(path)).blob())
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // the browser reads it after this turn
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
