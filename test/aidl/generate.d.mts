import type { Random } from '../support/random.ts';

export const FILE: string;
export const OTHERS: Readonly<Record<string, string>>;
export function generate(random: Random): { text: string; options: string[] };
