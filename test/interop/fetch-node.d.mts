export function nodeVersions(): { readonly version: string; readonly directory: string | null }[];
