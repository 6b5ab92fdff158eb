interface ExampleRequest {
  readonly title: string
  /** Without an apostrophe, which would end the shell's quotes. */
  readonly body: string
  readonly options: string
}

const examples: readonly ExampleRequest[] = [
  {
    title: 'An answer, whole',
    options: '-s',
    body: '{"model": "cohere/command-r-08-2024", "messages": [{"role": "user", "content": "Hello!"}]}',
  },
  {
    title: 'Three models at once, as a stream',
    options: '-sN',
    body: '{"model": "rawbot-omnibus", "stream": true, "messages": [{"role": "user", "content": "Good morning!"}]}',
  },
  {
    title: 'A tool call',
    options: '-s',
    body: `{"model": "smithery/claude-haiku-4.5", "messages": [{"role": "user", "content": "call weather"}],
       "tools": [{"type": "function", "function": {"name": "weather", "parameters":
         {"type": "object", "properties": {"city": {"type": "string"}}}}}]}`,
  },
]

/**
 * Requests that can be pasted into a shell without changes. If keys are set, the shell needs them in
 * `API_MASTER_KEY`.
 */
export function exampleRequests(url: string, { hasKeys }: { readonly hasKeys: boolean }): string {
  // API_MASTER_KEY may have several keys; the example uses the first
  const key = hasKeys ? `\n    -H "authorization: Bearer \${API_MASTER_KEY%%,*}" \\` : ''
  return examples
    .map(
      ({ title, options, body }) => `  ${title}:

  curl ${options} ${url}/v1/chat/completions \\${key}
    -H 'content-type: application/json' \\
    -d '${body}'
`,
    )
    .join('\n')
}
