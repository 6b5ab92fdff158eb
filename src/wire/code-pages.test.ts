import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { codeIn, releaseCode } from './code-pages.ts'

const maps = `00200000-01a3f000 r--p 00000000 fe:00 42                                 /opt/our program
01a40000-0684a000 r-xp 01838000 fe:00 42                                 /opt/our program
0684a000-06867000 r--p 06641000 fe:00 42                                 /opt/our program
06867000-07488000 rw-p 0665e000 fe:00 42                                 /opt/our program
57f73600000-57fb3600000 rw-p 00000000 00:00 0
7f96aadde000-7f96eadde000 rwxp 00000000 00:00 0
7f96eb149000-7f96eb29f000 r-xp 00026000 fe:00 7                          /lib/x86_64-linux-gnu/libc.so.6
7ffd1c5f0000-7ffd1c5f2000 r-xp 00000000 00:00 0                          [vdso]
`

test('only the code of the file is found, not its data and no other code', () => {
  expect(codeIn(maps, '/opt/our program')).toEqual([{ start: 0x01a40000, length: 0x04e0a000 }])
  expect(codeIn(maps, '/opt/our')).toEqual([])
})

const fileKib = () => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])

test.if(process.platform === 'linux')('released code is no longer in memory, and the program goes on', () => {
  // the first call reads its own code too
  releaseCode()
  const all = Array.from({ length: 100 }, (_, at) => JSON.stringify({ at })).map((text) => JSON.parse(text))
  expect(all.at(-1)).toEqual({ at: 99 })
  Bun.gc(true)
  const before = fileKib()
  releaseCode()
  expect(fileKib()).toBeLessThan(before)
})
