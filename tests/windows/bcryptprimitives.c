/*
 * What Deno needs of Windows and Debian 12's Wine 8.0 lacks:
 *
 * - bcryptprimitives.dll with ProcessPrng, from which Rust has its random numbers.
 * - VirtualAlloc2 with placeholders. Wine 8.0 has the function, but refuses
 *   MEM_RESERVE_PLACEHOLDER, and V8 gives up. Where there is no such function, as
 *   before Windows 10 1803, V8 does without: so this hides its name.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
  return SystemFunction036(data, (ULONG)length);
}

static void hide(const char *dll, const char *name) {
  BYTE *base = (BYTE *)GetModuleHandleA(dll);
  if (!base) return;
  IMAGE_DOS_HEADER *dos = (IMAGE_DOS_HEADER *)base;
  IMAGE_NT_HEADERS *nt = (IMAGE_NT_HEADERS *)(base + dos->e_lfanew);
  IMAGE_DATA_DIRECTORY *directory =
      &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
  IMAGE_EXPORT_DIRECTORY *exports =
      (IMAGE_EXPORT_DIRECTORY *)(base + directory->VirtualAddress);
  DWORD *names = (DWORD *)(base + exports->AddressOfNames);
  for (DWORD i = 0; i < exports->NumberOfNames; i++) {
    char *found = (char *)base + names[i];
    if (lstrcmpA(found, name)) continue;
    /* The last character only: the names are sorted, and stay so. */
    char *last = found + lstrlenA(found) - 1;
    DWORD before;
    if (!VirtualProtect(last, 1, PAGE_READWRITE, &before)) return;
    *last = '0';
    VirtualProtect(last, 1, before, &before);
  }
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
  if (reason == DLL_PROCESS_ATTACH) hide("kernelbase.dll", "VirtualAlloc2");
  return TRUE;
}
