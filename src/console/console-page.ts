import { buildPage } from './build-page.ts' with { type: 'macro' }
import type { BuiltFile } from './build-page.ts'

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string
  /** Compressed with gzip. */
  readonly gzip: Uint8Array<ArrayBuffer>
}

/** The files of the page by their names, which have a hash of the content. */
export const pageFiles: ReadonlyMap<string, PageFile> = readFiles(buildPage())

function readFiles(built: readonly BuiltFile[]): ReadonlyMap<string, PageFile> {
  return new Map(built.map(({ name, type, gzip }) => [name, { type, gzip: Buffer.from(gzip, 'base64') }]))
}

/** The document, which names the other files, and has one word to show until they are there. @param base the path of the files, with a slash at its end */
export function pageDocument(base: string): string {
  const names = [...pageFiles.keys()]
  const styles = names.filter((name) => name.endsWith('.css'))
  const scripts = names.filter((name) => name.endsWith('.js'))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>tributary</title>
<link rel="icon" href="data:,">
${styles.map((name) => `<link rel="stylesheet" href="${base}${name}">`).join('\n')}
${scripts.map((name) => `<script type="module" src="${base}${name}"></script>`).join('\n')}
<body><div id="page"><p class="loading">tributary</p></div><noscript>This page needs JavaScript. The API is at /v1.</noscript></body>
</html>
`
}
