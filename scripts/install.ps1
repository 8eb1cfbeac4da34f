# Installs nanoctl for one user of Windows, with PowerShell 5.1 or later. It verifies the
# SHA-256 checksum before unpacking anything, and the signature where it can; a failure
# leaves everything unchanged. See -Help.
param(
    [string]$To,
    [string]$Version,
    [string]$PublicKey,
    [switch]$RequireSignature,
    [switch]$Help
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
# Its bar makes downloads many times slower in PowerShell 5.1.
$ProgressPreference = 'SilentlyContinue'

# A release fills in its publisher.
$DefaultUrl = ''
$DefaultPublicKey = ''
$DefaultRepository = ''

$Usage = @'
Usage: install.ps1 [-To DIR] [-Version X] [-RequireSignature]

Downloads nanoctl for this machine, checks its SHA-256 sum and, where it can, a
signature, and installs it. No administrator is needed.

  -To DIR            install into this folder
                     (else NANOCTL_INSTALL_DIR, else %LOCALAPPDATA%\Programs\nanoctl)
  -Version X         install this version, and no other
  -PublicKey KEY     whose signature minisign must find (else NANOCTL_PUBLIC_KEY)
  -RequireSignature  install nothing whose signature was not verified
  -Help              print this

NANOCTL_DOWNLOAD_URL is the folder that holds SHA256SUMS and the archives of a
release: https, or http on this machine. {version} in it stands for -Version.
NANOCTL_REPOSITORY, owner/name, is where a workflow on GitHub has signed the
release: cosign or gh verifies that.
'@

$Target = 'windows-x64'

# Ends the script, which says why in one line, and exits with the code.
function Stop-Install([string]$Text, [string]$Hint = '', [int]$Code = 1) {
    $Foreseen = New-Object System.Exception $Text
    $Foreseen.Data['Hint'] = $Hint
    $Foreseen.Data['Code'] = $Code
    throw $Foreseen
}

function Get-First([string[]]$Values) {
    foreach ($Value in $Values) {
        if ($Value) { return $Value }
    }
    return ''
}

function Test-Program([string]$Name) {
    return [bool](Get-Command -Name $Name -CommandType Application -ErrorAction SilentlyContinue)
}

# Runs a program without its output; $script:Said is what it said on stdout.
function Invoke-Quietly([string]$Name, [string[]]$Arguments) {
    # A native program's stderr is an error record in 5.1, which must not end the script.
    $ErrorActionPreference = 'Continue'
    $script:Said = (& $Name @Arguments 2>$null) -join "`n"
    return $LASTEXITCODE
}

function Get-Base([string]$Url) {
    if (-not $Url) {
        Stop-Install 'nobody has said where to download from' `
            'set NANOCTL_DOWNLOAD_URL to a folder with SHA256SUMS and the archives' 2
    }
    if ($Url.Contains('{version}')) {
        if (-not $Version) { Stop-Install 'NANOCTL_DOWNLOAD_URL asks for a version' 'add -Version' 2 }
        $Url = $Url.Replace('{version}', $Version)
    }
    $Url = $Url.TrimEnd('/')
    $Loopback = '^http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|$)'
    if ($Url -cnotmatch '^https://.' -and $Url -cnotmatch $Loopback) {
        Stop-Install "$Url is not https" `
            'http is for this machine alone: what comes by it can be changed on the way' 2
    }
    return $Url
}

function Get-Folder {
    $Folder = Get-First @($To, $env:NANOCTL_INSTALL_DIR)
    if (-not $Folder) {
        if (-not $env:LOCALAPPDATA) {
            Stop-Install 'there is no LOCALAPPDATA to install into' 'name a folder with -To' 2
        }
        $Folder = Join-Path $env:LOCALAPPDATA 'Programs\nanoctl'
    }
    $Folder = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Folder)
    if (Test-Path -LiteralPath $Folder -PathType Leaf) {
        Stop-Install "$Folder is not a folder" 'name another folder with -To'
    }
    return $Folder
}

# Fetches a file of the release into the working folder. Redirects are followed here, one
# by one, as a web request would follow one from https to http, too.
function Save-Download([string]$Name) {
    $From = "$Base/$Name"
    $Url = [Uri]$From
    for ($Left = 5; $Left -ge 0; $Left--) {
        $Request = [System.Net.WebRequest]::Create($Url)
        $Request.AllowAutoRedirect = $false
        $Request.Timeout = 30000
        try {
            $Response = $Request.GetResponse()
        } catch {
            Stop-Install "$From cannot be downloaded: $($_.Exception.GetBaseException().Message)"
        }
        try {
            $Location = $Response.Headers['Location']
            if (-not $Location) {
                Save-Stream $Response (Join-Path $Work $Name)
                return
            }
        } finally {
            $Response.Close()
        }
        $Next = [Uri]::new($Url, $Location)
        if ($Next.Scheme -ne 'https' -and -not ($Next.IsLoopback -and $Url.Scheme -eq 'http')) {
            Stop-Install "$From leads to $Next, which is not https"
        }
        $Url = $Next
    }
    Stop-Install "$From cannot be downloaded: it leads from one place to another"
}

function Save-Stream($Response, [string]$Path) {
    $Body = $Response.GetResponseStream()
    $File = [System.IO.File]::Create($Path)
    try {
        $Body.CopyTo($File)
    } catch {
        Stop-Install "$Path cannot be downloaded: $($_.Exception.GetBaseException().Message)"
    } finally {
        $File.Close()
        $Body.Close()
    }
}

# Verifies SHA256SUMS by what is there to do so. Returns by what; '' if nothing was verified.
function Confirm-Signature {
    $Sums = Join-Path $Work 'SHA256SUMS'
    $script:Why = 'it is not known who signs'
    if ($Key -or $Repository) { $script:Why = 'there is no minisign, cosign or gh that can check one' }
    if ($Key -and (Test-Program 'minisign')) {
        Save-Download 'SHA256SUMS.minisig'
        $Status = Invoke-Quietly 'minisign' @('-V', '-q', '-P', $Key, '-m', $Sums, '-x', "$Sums.minisig")
        if ($Status -ne 0) { Stop-Unsigned 'minisign' "the key $Key" }
        return 'minisign'
    }
    if ($Repository -and (Test-Program 'cosign')) {
        Save-Download 'SHA256SUMS.sigstore.json'
        $Identity = '^https://github\.com/' + [regex]::Escape($Repository) +
            '/\.github/workflows/release\.yml@refs/tags/v'
        $Status = Invoke-Quietly 'cosign' @('verify-blob', '--bundle', "$Sums.sigstore.json",
            '--certificate-identity-regexp', $Identity,
            '--certificate-oidc-issuer', 'https://token.actions.githubusercontent.com', $Sums)
        if ($Status -ne 0) { Stop-Unsigned 'cosign' $Repository }
        return 'cosign'
    }
    if ($Repository -and (Test-Program 'gh') -and
        (Invoke-Quietly 'gh' @('attestation', 'verify', '--help')) -eq 0) {
        return Confirm-Attestation $Sums
    }
    return ''
}

function Confirm-Attestation([string]$Sums) {
    $Status = Invoke-Quietly 'gh' @('attestation', 'verify', $Sums, '--repo', $Repository,
        '--signer-workflow', "$Repository/.github/workflows/release.yml", '--format', 'json')
    if ($Status -eq 4) {
        $script:Why = 'gh is not logged in'
        return ''
    }
    # gh before 2.67 ended with 0 where it had found none.
    if ($Status -ne 0 -or -not $script:Said.Contains('verificationResult')) {
        Stop-Unsigned 'gh' $Repository
    }
    return 'gh'
}

function Stop-Unsigned([string]$Tool, [string]$Signer) {
    Stop-Install "$Tool finds no signature of SHA256SUMS by $Signer" `
        'somebody may have changed the release; nothing was installed'
}

# Finds the archive for this machine, with its checksum.
function Find-Archive {
    $Found = @()
    $Lines = @(Get-Content -LiteralPath (Join-Path $Work 'SHA256SUMS'))
    $Sums = @($Lines | Where-Object { $_ -cmatch '^[0-9a-f]{64} [ *]' })
    foreach ($Line in $Sums) {
        if ($Line -cmatch "^([0-9a-f]{64}) [ *](nanoctl-([0-9A-Za-z.+-]+)-$Target\.zip)$") {
            $Found += [pscustomobject]@{ Sum = $Matches[1]; Name = $Matches[2]; Version = $Matches[3] }
        }
    }
    if ($Sums.Count -eq 0) { Stop-Install "$Base/SHA256SUMS is no list of SHA-256 sums" }
    if ($Found.Count -eq 0) { Stop-Install "$Base/SHA256SUMS lists no nanoctl for $Target" }
    $Versions = ($Found | ForEach-Object { $_.Version }) -join ', '
    $Wanted = @($Found | Where-Object { -not $Version -or $_.Version -ceq $Version })
    if ($Wanted.Count -gt 1) {
        Stop-Install "$Base has more than one nanoctl for ${Target}: $Versions" 'choose with -Version'
    }
    if ($Wanted.Count -eq 0) { Stop-Install "$Base has no nanoctl $Version for $Target; it has $Versions" }
    return $Wanted[0]
}

function Confirm-Sum($Archive) {
    $Actual = (Get-FileHash -LiteralPath (Join-Path $Work $Archive.Name) -Algorithm SHA256).Hash.ToLowerInvariant()
    if ($Actual -cne $Archive.Sum) {
        Stop-Install "$($Archive.Name) is not what SHA256SUMS says: its sum is $Actual, not $($Archive.Sum)" `
            'the download was cut short or changed; try again'
    }
}

# Unpacks the program alone, and returns its path.
function Expand-Program($Archive) {
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    $Inner = "nanoctl-$($Archive.Version)-$Target/nanoctl.exe"
    $Program = Join-Path $Work 'nanoctl.exe'
    $Zip = $null
    try {
        $Zip = [System.IO.Compression.ZipFile]::OpenRead((Join-Path $Work $Archive.Name))
        $Entry = $Zip.GetEntry($Inner)
        if ($Entry) { [System.IO.Compression.ZipFileExtensions]::ExtractToFile($Entry, $Program) }
    } catch [System.IO.InvalidDataException] {
        $Entry = $null
    } finally {
        if ($Zip) { $Zip.Dispose() }
    }
    if (-not (Test-Path -LiteralPath $Program)) { Stop-Install "$($Archive.Name) has no $Inner in it" }
    return $Program
}

# Makes the folder, and deletes it again where the program cannot be put into it.
function Install-Program([string]$Program, [string]$Folder) {
    $Path = Join-Path $Folder 'nanoctl.exe'
    $Made = -not (Test-Path -LiteralPath $Folder)
    $Staged = Join-Path $Folder ".nanoctl.$PID.exe"
    try {
        [void](New-Item -ItemType Directory -Force -Path $Folder)
        Copy-Item -LiteralPath $Program -Destination $Staged
        # A program that runs cannot be replaced, but renamed.
        if (Test-Path -LiteralPath $Path) {
            Remove-Item -LiteralPath "$Path.old" -Force -ErrorAction SilentlyContinue
            Move-Item -LiteralPath $Path -Destination "$Path.old" -Force
        }
        Move-Item -LiteralPath $Staged -Destination $Path
    } catch {
        $Reason = $_.Exception.Message
        Remove-Item -LiteralPath $Staged -Force -ErrorAction SilentlyContinue
        if ((Test-Path -LiteralPath "$Path.old") -and -not (Test-Path -LiteralPath $Path)) {
            Move-Item -LiteralPath "$Path.old" -Destination $Path
        }
        if ($Made) { Remove-Item -LiteralPath $Folder -ErrorAction SilentlyContinue }
        Stop-Install "$Path cannot be written: $Reason" 'name a folder of yours with -To'
    }
    Remove-Item -LiteralPath "$Path.old" -Force -ErrorAction SilentlyContinue
    return $Path
}

function Write-Result([string]$Path, [string]$New, [string]$Old) {
    $Folder = Split-Path -Parent $Path
    Write-Output "Installed $New"
    if ($Old) { Write-Output "  instead of $Old" }
    Write-Output "  as $Path"
    if ($Archive.Version.EndsWith('-trial')) { Write-Output '  This is a trial build, not a release.' }
    $First = Get-Command -Name 'nanoctl' -CommandType Application -ErrorAction SilentlyContinue |
        Select-Object -First 1
    if (@($env:PATH -split ';') -notcontains $Folder) {
        Write-Output "  That folder is not on your PATH; add it for this session: `$env:PATH = `"$Folder;`$env:PATH`""
    } elseif ($First -and $First.Path -ne $Path) {
        Write-Output "  But $($First.Path) comes first on your PATH."
    }
}

function Get-ProgramVersion([string]$Path) {
    if ((Invoke-Quietly $Path @('--version')) -eq 0) { return $script:Said }
    return ''
}

if ($Help) {
    Write-Output $Usage
    exit 0
}

$Work = ''
try {
    $Version = $Version -replace '^v', ''
    $Key = Get-First @($PublicKey, $env:NANOCTL_PUBLIC_KEY, $DefaultPublicKey)
    $Repository = Get-First @($env:NANOCTL_REPOSITORY, $DefaultRepository)
    if ($Version -and $Version -cnotmatch '^[0-9A-Za-z.+-]+$') { Stop-Install "$Version is no version" '' 2 }
    if ($Key -and $Key -cnotmatch '^[0-9A-Za-z+/=]+$') {
        Stop-Install "$Key is no key of minisign" 'it is the second line of its file' 2
    }
    if ($Repository -and $Repository -cnotmatch '^[0-9A-Za-z_-]+/[0-9A-Za-z_.-]+$') {
        Stop-Install "$Repository is no repository" 'write owner/name' 2
    }
    $Base = Get-Base (Get-First @($env:NANOCTL_DOWNLOAD_URL, $DefaultUrl))
    if ($env:PROCESSOR_ARCHITECTURE -notin @('AMD64', 'ARM64')) {
        Stop-Install "there is no nanoctl for $env:PROCESSOR_ARCHITECTURE" 'there is an archive for x64, which ARM64 runs too'
    }
    $Folder = Get-Folder
    # 5.1 offers old versions of TLS by itself.
    [System.Net.ServicePointManager]::SecurityProtocol =
        [System.Net.ServicePointManager]::SecurityProtocol -bor [System.Net.SecurityProtocolType]::Tls12
    $Work = Join-Path ([System.IO.Path]::GetTempPath()) "nanoctl-install.$([System.IO.Path]::GetRandomFileName())"
    [void](New-Item -ItemType Directory -Path $Work)

    Save-Download 'SHA256SUMS'
    $Signed = Confirm-Signature
    if (-not $Signed -and $RequireSignature) {
        Stop-Install "no signature was verified: $Why" 'without -RequireSignature the checksum alone is enough'
    }
    $Archive = Find-Archive
    Write-Output "Downloading $Base/$($Archive.Name)"
    Save-Download $Archive.Name
    Confirm-Sum $Archive
    if ($Signed) {
        Write-Output "  Checked by its sum, and that by its signature ($Signed)."
    } else {
        Write-Output "  Checked by its sum only: $Why."
    }
    $Program = Expand-Program $Archive
    $New = Get-ProgramVersion $Program
    if (-not $New) { Stop-Install "the nanoctl for $Target does not run on this machine" }
    $Existing = Join-Path $Folder 'nanoctl.exe'
    $Old = ''
    if (Test-Path -LiteralPath $Existing) {
        $Old = Get-First @((Get-ProgramVersion $Existing), 'one that does not run')
    }
    Write-Result (Install-Program $Program $Folder) $New $Old
} catch {
    # What was not foreseen is shown as PowerShell shows errors.
    $Foreseen = $_.Exception.Data
    if (-not $Foreseen.Contains('Code')) { throw }
    [Console]::Error.WriteLine("error: $($_.Exception.Message)")
    if ($Foreseen['Hint']) { [Console]::Error.WriteLine("hint: $($Foreseen['Hint'])") }
    exit $Foreseen['Code']
} finally {
    if ($Work) { Remove-Item -LiteralPath $Work -Recurse -Force -ErrorAction SilentlyContinue }
}
