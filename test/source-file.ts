import { type Node, parseSync, Visitor } from 'oxc-parser'
import { type MachineUse, machineUses } from './machine-uses.ts'

/** The facts of one file that the rules of the architecture check. */
export interface SourceFile {
  /** The path from `src/`, such as `wire/sse.ts`. */
  readonly path: string
  /** Imported files, also for types, by their paths from `src/`. */
  readonly imports: readonly string[]
  /** Imported packages and built-in modules. */
  readonly packages: readonly string[]
  /** Imports of both kinds that are loaded with the file, so without types and without dynamic imports. */
  readonly loads: readonly string[]
  /** Findings that are forbidden in all files or in some. */
  readonly findings: readonly Finding[]
  /** Declared types, interfaces and classes, exported or not. */
  readonly types: readonly string[]
  /** Names of declared functions. */
  readonly functions: readonly string[]
}

export type Finding =
  | MachineUse
  | 'any'
  | 'cast'
  | 'non-null'
  | 'enum'
  | 'default export'
  | 're-export'
  | 'environment'
  | 'fetch'
  | 'SSE framing'
  | 'syntax error'

/** Parses a file as TypeScript, so that comments and strings have no effect on the findings. */
export function readSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text)
  const specifiers: string[] = []
  const loads: string[] = []
  const types: string[] = []
  const functions: string[] = []
  /** Names of members and properties. */
  const names = new Set<Node>()
  const findings: Finding[] = errors.length > 0 ? ['syntax error'] : []
  new Visitor({
    ImportDeclaration: ({ source, importKind }) => {
      specifiers.push(source.value)
      if (importKind !== 'type') loads.push(source.value)
    },
    ImportExpression: ({ source }) => void specifiers.push(literal(source)),
    // loads at the time of the call, as a dynamic import does
    CallExpression: ({ callee, arguments: [source] }) => {
      if (nameOf(callee) === 'require' && source) specifiers.push(literal(source))
    },
    TSImportType: ({ source }) => void specifiers.push(source.value),
    ExportNamedDeclaration: ({ source }) => {
      if (!source) return
      specifiers.push(source.value)
      findings.push('re-export')
    },
    ExportAllDeclaration: ({ source }) => {
      specifiers.push(source.value)
      findings.push('re-export')
    },
    ExportDefaultDeclaration: () => void findings.push('default export'),
    TSInterfaceDeclaration: ({ id }) => void types.push(id.name),
    TSTypeAliasDeclaration: ({ id }) => void types.push(id.name),
    ClassDeclaration: ({ id }) => {
      if (id) types.push(id.name)
    },
    FunctionDeclaration: ({ id }) => {
      if (id) functions.push(id.name)
    },
    TSAnyKeyword: () => void findings.push('any'),
    TSNonNullExpression: () => void findings.push('non-null'),
    TSEnumDeclaration: () => void findings.push('enum'),
    TSTypeAssertion: () => void findings.push('cast'),
    TSAsExpression: ({ typeAnnotation }) => {
      if (!isConst(typeAnnotation)) findings.push('cast')
    },
    MemberExpression: (node) => {
      const name = `${nameOf(node.object)}.${nameOf(node.property)}`
      if (['process.env', 'Bun.env', 'meta.env'].includes(name)) findings.push('environment')
      if (['globalThis.fetch', 'Bun.fetch'].includes(name)) findings.push('fetch')
      if (!node.computed) names.add(node.property)
    },
    Property: ({ key, computed }) => {
      if (!computed) names.add(key)
    },
    PropertyDefinition: ({ key }) => void names.add(key),
    Identifier: (node) => {
      if (node.name === 'fetch' && !names.has(node)) findings.push('fetch')
    },
    Literal: ({ value }) => {
      if (typeof value === 'string' && isFrame(value)) findings.push('SSE framing')
    },
    TemplateElement: ({ value }) => {
      if (isFrame(value.cooked ?? value.raw)) findings.push('SSE framing')
    },
  }).visit(program)
  return {
    path,
    imports: specifiers.filter(isRelative).map((specifier) => resolve(path, specifier)),
    loads: loads.map((specifier) => (isRelative(specifier) ? resolve(path, specifier) : packageOf(specifier))),
    packages: specifiers.filter((specifier) => !isRelative(specifier)).map(packageOf),
    findings: [...findings, ...machineUses(program)],
    types,
    functions,
  }
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.')
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///src/${from}`).pathname.replace(/^\/src\//, '').replace(/^\//, '../')
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function literal(node: Node): string {
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : '(computed)'
}

function nameOf(node: Node): string {
  if (node.type === 'Identifier') return node.name
  return node.type === 'MetaProperty' ? node.property.name : ''
}

function isConst(type: Node): boolean {
  return type.type === 'TSTypeReference' && nameOf(type.typeName) === 'const'
}

function isFrame(text: string): boolean {
  return /(^|\n)(data|event|retry): /.test(text)
}
