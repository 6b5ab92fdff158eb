import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LockedPackage } from './lockfile.ts'

const licenseFile = /^(licen[cs]e|copying|notice)([.-].*)?$/i

const head = `The programs of this release contain the libraries below, and the executables also contain Bun: https://bun.com
Bun is under the MIT license. It is linked with JavaScriptCore, which is under the GNU LGPL 2, and with other libraries:
https://bun.com/docs/project/license names them, and says how Bun is linked again with a changed one.
`

/** Returns the licenses of packages, as those who pass their code on must give them. */
export async function notices(packages: readonly LockedPackage[]): Promise<string> {
  const texts = await Promise.all(packages.map(noticeOf))
  return [head, ...texts].join(`\n${'-'.repeat(80)}\n\n`)
}

/** The folder of an installed package. */
export function installedAt({ place, name }: LockedPackage): string {
  // `express/cookie` lies in node_modules/express/node_modules/cookie
  const above = place.slice(0, place.length - name.length)
  const parents = above.split(/(?<!@[^/]+)\//).filter((part) => part !== '')
  return join('node_modules', ...parents.flatMap((parent) => [parent, 'node_modules']), name)
}

async function noticeOf(locked: LockedPackage): Promise<string> {
  const folder = installedAt(locked)
  const names = (await readdir(folder)).filter((name) => licenseFile.test(name)).sort()
  const manifest = await Bun.file(join(folder, 'package.json')).json()
  const texts = await Promise.all(names.map((name) => Bun.file(join(folder, name)).text()))
  const said = texts.length > 0 ? texts.map((text) => text.trim()).join('\n\n') : `License: ${manifest.license}`
  return `${locked.name} ${locked.version}\n\n${said}\n`
}
