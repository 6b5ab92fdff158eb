/** A closed output must not stop a server. By default Node's stream would end the process. */
export function ignoreClosedOutput(stream: NodeJS.WriteStream): void {
  stream.on('error', () => undefined)
}
