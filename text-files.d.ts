// Files that a build takes in as text: `import text from './file.md' with { type: 'text' }`.

declare module '*.md' {
  const text: string
  export = text
}

declare module '*.example' {
  const text: string
  export = text
}

declare module '*.service' {
  const text: string
  export = text
}

// Files that a build takes in as they are. The import gives their path.

declare module '*.txt' {
  const path: string
  export = path
}
