# Installs the archive of a release. scripts/release-recipes.sh writes its digest here.
vcpkg_download_distfile(archive
    URLS "https://example.org/amop/releases/download/v${VERSION}/amop-${VERSION}-x86_64-linux.tar.gz"
    FILENAME "amop-${VERSION}-x86_64-linux.tar.gz"
    SHA512 @SHA512@)
vcpkg_extract_source_archive(source ARCHIVE "${archive}")

file(INSTALL "${source}/include/" DESTINATION "${CURRENT_PACKAGES_DIR}/include")
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
    file(GLOB libraries "${source}/lib/libamop.so*")
    set(package "amop.pc")
else()
    set(libraries "${source}/lib/libamop.a")
    set(package "amop-static.pc")
endif()
file(INSTALL ${libraries} DESTINATION "${CURRENT_PACKAGES_DIR}/lib" FOLLOW_SYMLINK_CHAIN)
file(INSTALL ${libraries} DESTINATION "${CURRENT_PACKAGES_DIR}/debug/lib" FOLLOW_SYMLINK_CHAIN)
file(INSTALL "${source}/lib/pkgconfig/${package}" DESTINATION "${CURRENT_PACKAGES_DIR}/lib/pkgconfig")
file(INSTALL "${source}/lib/pkgconfig/${package}" DESTINATION "${CURRENT_PACKAGES_DIR}/debug/lib/pkgconfig")
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${source}/share/doc/amop/LICENSE" "${source}/share/doc/amop/THIRD-PARTY")
