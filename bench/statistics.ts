/** Returns the quantile by the nearest-rank method; `NaN` if there are no values. @param share  between 0 and 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = Math.max(1, Math.ceil(share * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return mean([Math.floor(middle), Math.ceil(middle)].map((index) => sorted[index] ?? Number.NaN))
}

/** Returns b of the line y = a + b·x that the least squares give. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  const covariance = points.map(([x, y]) => (x - meanX) * (y - meanY))
  const variance = points.map(([x]) => (x - meanX) ** 2)
  return mean(covariance) / mean(variance)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
